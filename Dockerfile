# The lab as images, for docker-compose.yml and the dev container. Stages: `build` makes the environment, `runtime` is what
# both services share, `localstack` and `notebook` are their programs, `devcontainer` adds git and make for an editor.
FROM python:3.13-slim-bookworm AS build
# uv installs in a fraction of pip's time; it stays in this stage.
COPY requirements/bootstrap.txt requirements/lab.txt /requirements/
RUN python -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --require-hashes -r /requirements/bootstrap.txt \
    && /opt/uv/bin/uv venv --no-cache --python /usr/local/bin/python3.13 /opt/lab \
    && /opt/uv/bin/uv pip install --no-cache --link-mode copy --compile-bytecode --python /opt/lab/bin/python \
        --require-hashes -r /requirements/lab.txt \
    # Tests of others, a tenth of the whole.
    && find /opt/lab -type d -name tests -prune -exec rm -rf {} + \
    # The name that the notebooks speak of.
    && sed -i 's/"display_name": "[^"]*"/"display_name": "Express Lab"/' /opt/lab/share/jupyter/kernels/python3/kernel.json
# The project itself is installed as a pointer to its folder, so its code is no part of this layer.
WORKDIR /opt/express-lab
COPY pyproject.toml README.md LICENSE ./
COPY lab/__init__.py lab/
RUN /opt/uv/bin/uv pip install --no-cache --python /opt/lab/bin/python --no-deps --no-build-isolation --editable .

FROM python:3.13-slim-bookworm AS runtime
RUN useradd --create-home --uid 1000 --shell /bin/bash learner \
    # A named volume takes its owner from the folder that it covers.
    && install -d -o learner -g learner /home/learner/workshop
COPY --from=build /opt/lab /opt/lab
WORKDIR /opt/express-lab
# Belongs to root: nothing that a learner runs changes it.
COPY . .
RUN /opt/lab/bin/python -m compileall -q lab
USER learner
ENV PATH=/opt/lab/bin:$PATH PYTHONUNBUFFERED=1 LAB_IMAGE=1 LAB_STATE_DIR=/home/learner/workshop/lab-state \
    LAB_WORKSHOP_DIR=/home/learner/workshop
# What matplotlib finds out about fonts when it is first imported.
RUN python -c "import lab.charts"
WORKDIR /home/learner

FROM runtime AS localstack
EXPOSE 4566
CMD ["python", "-m", "lab.emulator.container"]

FROM runtime AS notebook
EXPOSE 8888
CMD ["python", "-m", "lab.workshop.container"]

FROM runtime AS devcontainer
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    # A link to the folder that is open in the editor takes the place of the image's own copy (devcontainer.json).
    && rm -rf /opt/express-lab && chown learner /opt
USER learner
ENV LAB_STATE_DIR= LAB_WORKSHOP_DIR=
CMD ["sleep", "infinity"]
