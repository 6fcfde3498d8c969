"""Reads CloudFormation templates, independently of the tests in Go, and prints them as JSON.

template.py FILE...     a list; !Ref and its like as {"Ref": ...}, {"Fn::...": ...}
"""

import json
import sys

from cfnlint.decode import decode


def main(paths):
    templates = []
    for path in paths:
        template, problems = decode(path)
        if problems:
            sys.exit(f"{path}: {problems}")
        templates.append(template)
    json.dump(templates, sys.stdout)


main(sys.argv[1:])
