"""`python -m callscribe` is `callscribe`."""

from callscribe.cli import main

if __name__ == "__main__":
    main()
