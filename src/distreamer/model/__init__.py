"""Values that every layer shares. Nothing here does anything."""
