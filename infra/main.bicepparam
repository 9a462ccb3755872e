// Values that may differ between deployments. If a variable that is read here is not set, infra/deploy keeps its
// value from the previous run; set it to an empty string to clear it. Write a literal to fix a value for good.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'calls')

// 'Europe', 'UK', 'United States', ...: https://learn.microsoft.com/azure/communication-services/concepts/privacy
param dataLocation = readEnvironmentVariable('ACS_DATA_LOCATION', 'United States')

// 'private': storage account and registry have no public endpoint; calls still come through two public entrances.
param networking = readEnvironmentVariable('NETWORKING', 'public')
param addressPrefix = '10.60.0.0/22'

// A key in a Key Vault, and an identity that may use it: docs/azure.md has the commands.
param encryptionKeyUri = readEnvironmentVariable('ENCRYPTION_KEY_URI', '')
param encryptionIdentityId = readEnvironmentVariable('ENCRYPTION_IDENTITY_ID', '')

// 'on': neither the storage account nor the ACS resource can be deleted until the locks are.
param locks = readEnvironmentVariable('LOCKS', 'off')

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

// Always-ready instances cost money while idle: docs/azure.md, "What it costs". 'RollingUpdate' is a preview:
// "Upgrade without dropping calls".
param functionScale = {
  alwaysReadyBlobInstances: 1
  alwaysReadyAnsweringInstances: 1
  maximumInstanceCount: 40
  instanceMemoryMB: 2048
  updateStrategy: 'Recreate'
}
param functionSettings = {}
param functionKeys = readEnvironmentVariable('FUNCTION_KEYS', '')
param signInClientId = readEnvironmentVariable('SIGN_IN_CLIENT_ID', '')

// List the countries that you call: the default allows all numbers but premium-rate and similar ones.
param allowedDestinations = readEnvironmentVariable('ALLOWED_DESTINATIONS', '+,8:,28:')

// subscriptions.bicepparam reads it too.
param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')

// The names of system topics that exist already; subscriptions.bicepparam reads them, too.
param storageTopic = readEnvironmentVariable('STORAGE_TOPIC', '')
param callTopic = readEnvironmentVariable('CALL_TOPIC', '')

// 'learn' until GET /api/v1/health/acs says that 'require' is safe; streamer.bicepparam reads it, too.
param acsTokenCheck = readEnvironmentVariable('ACS_TOKEN_CHECK', 'learn')

// 'on': docs/webhooks.md, "Event Grid".
param eventTopic = readEnvironmentVariable('EVENT_TOPIC', 'off')

param transcription = readEnvironmentVariable('TRANSCRIPTION', 'off')
param search = readEnvironmentVariable('SEARCH', 'off')

param alertEmail = readEnvironmentVariable('ALERT_EMAIL', '')
param backlogSeconds = 300

// The first of the month in which the budget is first deployed: '2026-12-01'.
param monthlyBudget = int(readEnvironmentVariable('MONTHLY_BUDGET', '0'))
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
param placedCallsThreshold = 100
