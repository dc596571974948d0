import sys

from tests.parity import main

sys.exit(main(sys.argv[1:]))
