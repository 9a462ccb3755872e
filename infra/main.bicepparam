// Values that may differ between deployments. If a variable that is read here is not set, infra/deploy keeps its
// value from the previous run; set it to an empty string to clear it. Write a literal to fix a value for good.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'calls')

// 'Europe', 'UK', 'United States', ...: https://learn.microsoft.com/azure/communication-services/concepts/privacy
param dataLocation = readEnvironmentVariable('ACS_DATA_LOCATION', 'United States')

// Three copies in three zones: uploaded audio survives the loss of a zone.
param storageSku = 'Standard_ZRS'

param segmentDays = 30
param retentionDays = 365
param incomingRetentionDays = -1
param temporaryDays = 7
param auditDays = 730
param softDeleteDays = 7

// It cannot be taken back: docs/retention.md says what it forbids.
param immutableDays = int(readEnvironmentVariable('IMMUTABLE_DAYS', '0'))
param logDays = 30
param logDailyGigabytes = -1

param alwaysReadyBlobInstances = 1
param maximumInstanceCount = 40
param instanceMemoryMB = 2048
param functionSettings = {}
param functionKeys = readEnvironmentVariable('FUNCTION_KEYS', '')
param signInClientId = readEnvironmentVariable('SIGN_IN_CLIENT_ID', '')

// subscriptions.bicepparam reads it too.
param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')

param transcription = readEnvironmentVariable('TRANSCRIPTION', 'off')

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param backlogSeconds = 300
