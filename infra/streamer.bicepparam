// Values that may differ between deployments. infra/deploy sets the variables that are read here.
using 'streamer.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'calls')
param image = readEnvironmentVariable('STREAMER_IMAGE')
param liveRevision = readEnvironmentVariable('STREAMER_LIVE_REVISION', '')
param acsTokenCheck = readEnvironmentVariable('ACS_TOKEN_CHECK', 'learn')

param cpu = '1'
// A second replica doubles what an idle system costs: docs/azure.md, "What it costs".
param minReplicas = 1
param maxReplicas = 10
param maxStreams = 200
param settings = {}
