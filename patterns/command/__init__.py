"""The subcommands of `konnect-agent`: one module each, with a function of the same name.

options     what all of them understand, and the Konnect they get from it
delivery    where results go: standard output or a file, never half of it
outcome     what an error means for the exit status
progress    what happens meanwhile, on standard error: nothing, a log, or the display in `live`
prompt      the question before anything acts on live gateways
running     the event loop, Ctrl-C and SIGTERM
"""
