"""`python -m rayscope.agent`."""

from rayscope.agent.main import main

if __name__ == "__main__":
    main()
