// The event subscriptions: new blobs and incoming calls. They have their own template because Event Grid
// validates each webhook when it is subscribed. By then the function app must be published and running, and
// its first start creates the webhook's key.

import { namesOf } from 'names.bicep'

targetScope = 'resourceGroup'

// The host checks neither the function's name nor the path: it answers 202 to a wrong one and the event is lost.
// Tests check these names against the app's functions.
@description('The function that receives the events of each container.')
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

@description('Incoming calls to answer: off, all, or a comma-separated list of phone numbers and raw ids.')
param answerCalls string

@description('Name of the storage account\'s system topic if it existed before. Empty: main.bicep created it.')
param storageTopic string

@description('The same for the ACS resource.')
param callTopic string

@description('Raw ids of the callees to subscribe to. Empty: all.')
var callees = answerCalls == 'all'
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
  name: empty(storageTopic) ? names.systemTopic : storageTopic
}

resource topicOfCalls 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: empty(callTopic) ? names.callTopic : callTopic
}

@description('Where undelivered events are stored.')
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
          // The only key that any template reads: Event Grid cannot call the host's webhook without it.
          endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${trigger.function}&code=${listKeys('${app.id}/host/default', '2025-03-01').systemKeys.blobs_extension}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
          minimumTlsVersionAllowed: '1.2'
        }
      }
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        // The trailing slash excludes containers whose names begin the same way.
        subjectBeginsWith: '/blobServices/default/containers/${trigger.container}/'
        subjectEndsWith: trigger.suffix
        // The two operations with which the streamer's SDK completes a blob; nothing else writes here.
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
  parent: topicOfCalls
  name: 'incoming-calls'
  properties: {
    eventDeliverySchema: 'EventGridSchema'
    destination: {
      // The function's own resource id: Event Grid looks up the address and the key itself.
      endpointType: 'AzureFunction'
      properties: {
        resourceId: '${app.id}/functions/answer_incoming_call'
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Communication.IncomingCall']
      // Deliver only calls to the listed callees. Event Grid allows 25 values; with more, the app alone filters.
      advancedFilters: empty(callees) || length(callees) > 25
        ? []
        : [
            {
              operatorType: 'StringIn'
              key: 'data.to.rawId'
              values: callees
            }
          ]
    }
    // A call rings for 30 s; a later event is useless.
    retryPolicy: {
      maxDeliveryAttempts: 2
      eventTimeToLiveInMinutes: 1
    }
    deadLetterWithResourceIdentity: deadLetters
  }
}
