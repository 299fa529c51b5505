"""What runs inside the LocalStack process: the Lambda executor with its worker pool, and the hooks that make it fast.

LocalStack finds this package through the entry points in ``pyproject.toml``. Nothing here imports the rest of ``lab``.

Environment variables read by this package:

==================================  ==================================================================================
``LAMBDA_RUNTIME_EXECUTOR``         must be ``worker_pool`` (LocalStack's own setting; an unknown name means Docker)
``LAB_WORKERS_PER_FUNCTION``        most worker processes of one function version; default: the cores, at least 2
``LAB_PURE_PYTHON_RUNTIME_CLIENT``  ``1`` makes workers use the pure-Python runtime client even where the compiled is
``LAB_HOOKS``                       ``off`` turns all hooks off
``LAB_HOOKS_OFF``                   names of hooks to turn off, with commas between
``LAB_LISTEN``, ``LAB_IMAGE``        ``container`` and ``1``, of the lab's image: listen on the container's addresses
``LAB_EMULATOR_REPORT``             path of a JSON file, written once LocalStack is ready: what was really loaded
==================================  ==================================================================================
"""
