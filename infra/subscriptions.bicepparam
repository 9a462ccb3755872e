// Values that may differ between deployments.
using 'subscriptions.bicep'

param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')
