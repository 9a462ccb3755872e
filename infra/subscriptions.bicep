// Who is told when a blob is written. On its own: Event Grid greets each webhook as it is subscribed, so
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
      deadLetterWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: {
            resourceId: storage.id
            blobContainerName: 'dead-letters'
          }
        }
      }
    }
  }
]
