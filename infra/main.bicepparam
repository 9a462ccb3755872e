// What may be different from one deployment to the next. Where a variable is read and not set, infra/deploy
// keeps what it was the last time; set empty, it goes back. A value alone in its place is for good.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'calls')

// 'Europe', 'UK', 'United States', ...: https://learn.microsoft.com/azure/communication-services/concepts/privacy
param dataLocation = readEnvironmentVariable('ACS_DATA_LOCATION', 'United States')

// Three copies in three zones: what the streamer has uploaded survives the loss of one.
param storageSku = 'Standard_ZRS'

param segmentDays = 30
param resultDays = 365
param leftoverDays = 7
param softDeleteDays = 7
param logDays = 30
param logDailyGigabytes = -1

param alwaysReadyBlobInstances = 1
param maximumInstanceCount = 40
param instanceMemoryMB = 2048
param functionSettings = {}
param signInClientId = readEnvironmentVariable('SIGN_IN_CLIENT_ID', '')

// subscriptions.bicepparam reads it, too.
param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')

param transcription = readEnvironmentVariable('TRANSCRIPTION', 'off')

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param backlogSeconds = 300
