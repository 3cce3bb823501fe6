# docs/cluster.md says how it is used. The image has make and git, by which results name their commit.
FROM python:3.11-bookworm
WORKDIR /reproduce
COPY . .
RUN make setup
RUN .venv/bin/reproduce list > /dev/null
ENV PATH=/reproduce/.venv/bin:$PATH
ENTRYPOINT ["reproduce"]
