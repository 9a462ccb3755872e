// What may be different from one deployment to the next. infra/deploy sets the variables that are read.
using 'streamer.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'calls')
param image = readEnvironmentVariable('STREAMER_IMAGE')
param liveRevision = readEnvironmentVariable('STREAMER_LIVE_REVISION', '')

param cpu = '1'
param minReplicas = 2
param maxReplicas = 10
param maxStreams = 200
param settings = {}
