"""Every head at once: pictures, and what each looks at."""
