// Asks iam-simulate, an IAM simulator that others maintain, the questions that second_opinion.py writes.
//   npm install --prefix DIR @cloud-copilot/iam-simulate
//   node second_opinion.mjs DIR < questions.json > answers.json
// It is a tool beside the project (AGPL-3.0), not a part of it: only its answers are kept.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const home = join(resolve(process.argv[2]), 'node_modules', '@cloud-copilot', 'iam-simulate')
const require = createRequire(join(home, 'package.json'))
const { runSimulation } = await import(pathToFileURL(join(home, 'dist', 'esm', 'index.js')))
const answers = []
for (const asked of JSON.parse(readFileSync(0, 'utf8'))) {
  const found = await runSimulation(
    {
      request: {
        principal: asked.principal,
        action: asked.action,
        resource: { resource: asked.resource, accountId: '111122223333' },
        contextVariables: asked.context,
      },
      identityPolicies: asked.own ? [{ name: 'own', policy: asked.own }] : [],
      resourcePolicy: asked.guarding ?? undefined,
      vpcEndpointPolicies: asked.door ? [{ name: 'door', policy: asked.door }] : undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  answers.push(found.resultType === 'error' ? found.errors.message : found.overallResult)
}
const { name, version } = require('./package.json')
process.stdout.write(JSON.stringify({ simulator: `${name} ${version}`, answers }))
