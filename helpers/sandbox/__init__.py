"""The sandbox: a local AWS in one process on 127.0.0.1.

moto (https://docs.getmoto.org) stores and answers. In front of it stands one WSGI application that answers
the operations which must *move* or *refuse*: a stack that is created in the background, a task that runs, a
build that fails. Nothing else in `helpers` imports this package: the verbs of a notebook talk to an endpoint
URL and do not know which AWS is behind it.

    python -m helpers.sandbox start | stop | status | reset
"""
