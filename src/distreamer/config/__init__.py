"""What an instance is told to do: the models, and how files and environment variables become them."""
