"""Changes to LocalStack that let it carry a high-volume lab, one module a hot spot.

Each module says what it replaces, why that is slow, and why a learner sees the same with and without it. Some are not
for speed: `permissions`, `function_runtimes` and `function_code` let LocalStack do what AWS does. A module offers

* ``PATCHES``: which function changes which LocalStack module; it runs right after that module is first imported, so
  that a hook never makes LocalStack load a service early;
* optionally ``AROUND``: functions that run a module's code in a way of their own when it is imported;
* optionally ``install()``, called before LocalStack imports anything large; ``ready()``, called when it is ready; and
  ``flush()``, called before it stops, which delivers what the hook still holds back.

Switches: ``LAB_HOOKS=off`` turns all of them off, ``LAB_HOOKS_OFF=name,name`` single ones. On a LocalStack version they
were not written for they stand aside with a warning.
"""
