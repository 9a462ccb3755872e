// Who is told when a blob is written, and when a phone rings. On its own: Event Grid greets each webhook as it is subscribed, so
// that the function app must be published and awake, and the webhook's key is made by its first start.

import { namesOf } from 'names.bicep'

targetScope = 'resourceGroup'

// The host checks neither name nor path: a wrong one is answered 202, and the event is lost. Tests hold
// these and function_app.py together.
@description('Which function is told of which blobs.')
var triggers = [
  {
    name: 'segments'
    function: 'analyse_segment'
    container: 'segments'
    suffix: '.wav'
  }
  {
    name: 'manifests'
    function: 'assemble_call'
    container: 'manifests'
    suffix: '.json'
  }
]

@description('Incoming calls to answer: off, all, or those to these numbers and raw ids, with commas between.')
param answerCalls string

@description('Whose phones ring, by raw id; empty: anyone\'s.')
var called = answerCalls == 'all'
  ? []
  : map(map(split(answerCalls, ','), entry => trim(entry)), entry => startsWith(entry, '+') ? '4:${entry}' : entry)

@description('The names of all resources.')
var names = namesOf(uniqueString(resourceGroup().id))

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: names.functionApp
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: names.storage
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: names.systemTopic
}

resource callTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: names.callTopic
}

@description('Where the events go that could not be delivered.')
var deadLetters = {
  identity: { type: 'SystemAssigned' }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storage.id
      blobContainerName: 'dead-letters'
    }
  }
}

resource subscriptions 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for trigger in triggers: {
    parent: topic
    name: trigger.name
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      destination: {
        endpointType: 'WebHook'
        properties: {
          // The one key that is read anywhere: Event Grid has no other way to call the host's own webhook.
          endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${trigger.function}&code=${listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
          minimumTlsVersionAllowed: '1.2'
        }
      }
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        // The slash at its end keeps out containers that begin alike.
        subjectBeginsWith: '/blobServices/default/containers/${trigger.container}/'
        subjectEndsWith: trigger.suffix
        // The two ways in which the streamer's SDK finishes a blob; nothing else writes here.
        advancedFilters: [
          {
            operatorType: 'StringIn'
            key: 'data.api'
            values: ['PutBlob', 'PutBlockList']
          }
        ]
      }
      retryPolicy: {
        maxDeliveryAttempts: 30
        eventTimeToLiveInMinutes: 1440
      }
      deadLetterWithResourceIdentity: deadLetters
    }
  }
]

resource incomingCalls 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = if (answerCalls != 'off') {
  parent: callTopic
  name: 'incoming-calls'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      // By the function's own resource: Event Grid finds the way and the key itself.
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/answer_incoming_call'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Communication.IncomingCall']
      // A call to a number may ring at a user, too: only what is listed is told. Event Grid takes 25
      // values; beyond them the app alone looks.
      advancedFilters: empty(called) || length(called) > 25
        ? []
        : [
            {
              operatorType: 'StringIn'
              key: 'data.to.rawId'
              values: called
            }
          ]
    }
    // A phone rings for 30 s: what is later than that is of no use.
    retryPolicy: {
      maxDeliveryAttempts: 2
      eventTimeToLiveInMinutes: 1
    }
    deadLetterWithResourceIdentity: deadLetters
  }
}
