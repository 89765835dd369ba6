"""`python -m rayscope`."""

from rayscope.cli.main import main

if __name__ == "__main__":
    main()
