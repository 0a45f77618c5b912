"""Attention as formulas: every function takes tensors and returns tensors, and needs PyTorch alone."""
