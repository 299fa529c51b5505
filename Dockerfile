# JupyterLab with the workshop, for the profile "notebook" of docker-compose.yml. Not built by any test here.
FROM python:3.13-slim-bookworm

RUN useradd --create-home learner
WORKDIR /home/learner/express-lab
COPY --chown=learner requirements/lab.txt requirements/
# pip rather than uv: nothing else of the image needs it. The hashes of the lock are checked.
RUN pip install --no-cache-dir --require-hashes -r requirements/lab.txt
COPY --chown=learner . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . && chown learner .

USER learner
ENV LAB_STATE_DIR=/home/learner/lab-state
EXPOSE 8888
# All addresses of the container; the compose file publishes the port on the machine's loopback alone. The token is
# JUPYTER_TOKEN, or a random one.
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser", "--ServerApp.root_dir=notebooks", "--LabApp.default_url=/lab/tree/00_start_here.ipynb"]
