"""The page of interventions: changes in the model, and patching."""
