"""Learn one short binary code per image and search it three ways."""
