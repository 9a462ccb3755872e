// Values that may differ between deployments.
using 'subscriptions.bicep'

param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')
param storageTopic = readEnvironmentVariable('STORAGE_TOPIC', '')
param callTopic = readEnvironmentVariable('CALL_TOPIC', '')
