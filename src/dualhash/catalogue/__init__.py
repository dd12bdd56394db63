"""What is known about images: labels and which of them were observed, subsets, the files."""
