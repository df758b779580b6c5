"""The subcommands of `konnect-agent`: one module each, with a function of the same name.

options     what all of them understand, and the Konnect they get from it
reporting   a pattern's run, and the report there is whatever becomes of it
contract    the reports as types: their schema, and the one of a run that never began
describing  the options that describe a passthrough
delivery    where results go: standard output or a file, never half of it
outcome     what an error means for the exit status
progress    what happens meanwhile, on standard error: nothing, a log, or the display in `live`
prompt      the question before anything acts on live gateways
running     the event loop, Ctrl-C and SIGTERM
"""
