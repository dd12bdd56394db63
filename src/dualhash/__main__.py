"""`python -m dualhash`: the command line."""

from dualhash.cli.app import main

if __name__ == "__main__":
    main()
