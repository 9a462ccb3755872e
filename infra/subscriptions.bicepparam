// What may be different from one deployment to the next.
using 'subscriptions.bicep'

param answerCalls = readEnvironmentVariable('ANSWER_CALLS', 'off')
