// Every role assignment of the system, each with its reason and no broader than necessary. Their names contain the
// object ids: an identity that was deleted and created again has the same name, but needs assignments of its own.

import { roles } from '../roles.bicep'

@description('Name of the storage account.')
param storageName string

@description('Name of the ACS resource.')
param communicationName string

@description('Name of the container registry.')
param registryName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Object id of the function app\'s identity.')
param functionPrincipalId string

@description('Name of the streamer\'s identity.')
param streamerIdentityName string

@description('Object id of the streamer\'s identity.')
param streamerPrincipalId string

@description('Object id of the identity of the storage account\'s system topic.')
param topicPrincipalId string

@description('Whether calls are answered. If not, the ACS resource has no topic.')
param answersCalls bool

@description('Object id of the identity of the ACS resource\'s system topic.')
param callTopicPrincipalId string

@description('Name of the Azure AI Speech resource. Empty: there is none.')
param speechName string

@description('Name of the Event Grid topic of the calls\' events. Empty: there is none.')
param eventTopicName string

@description('Name of the Azure AI Search service. Empty: there is none.')
param searchName string

@description('Container for events that Event Grid could not deliver.')
param deadLetterContainer string

@description('The function app\'s roles on the storage account, with reasons.')
var functionStorageRoles = [
  {
    role: roles.storageBlobDataOwner
    reason: 'The Functions host stores its locks, keys and package; the app stores records, results and recordings.'
  }
  {
    role: roles.storageQueueDataContributor
    reason: 'The host sends and receives the messages of blob triggers, transcriptions, exports and deadlines, and moves those that always fail to poison queues, which it creates.'
  }
  {
    role: roles.storageTableDataContributor
    reason: 'The Functions host writes its diagnostic events to a table.'
  }
  {
    role: roles.storageBlobDelegator
    reason: 'The app signs short-lived links to audio with a user delegation key; account keys are disabled.'
  }
]

@description('The only containers that the streamer can access, and whether it may change the blobs in them. It binds a grant to its call; to all others, it only adds.')
var streamerContainers = [
  {
    name: 'segments'
    mayChange: false
  }
  {
    name: 'manifests'
    mayChange: false
  }
  {
    name: 'grants'
    mayChange: true
  }
  {
    name: 'drafts'
    mayChange: false
  }
  {
    name: 'rejected'
    mayChange: false
  }
]

@description('The data actions on the blobs of a container.')
var blobActions = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'

// Reading one blob whose name is known is needed: after a lost response, the streamer compares digests.
@description('The condition under which the streamer may read: it may not list the blobs of a container.')
var withoutListing = '((!(ActionMatches{\'${blobActions}/read\'} AND SubOperationMatches{\'Blob.List\'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals \'none\'))'

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource streamerContainer 'containers' existing = [for container in streamerContainers: { name: container.name }]

    resource deadLetters 'containers' existing = { name: deadLetterContainer }
  }
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: communicationName
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: registryName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource functionOnStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for assignment in functionStorageRoles: {
    name: guid(account.id, functionPrincipalId, assignment.role)
    scope: account
    properties: {
      principalId: functionPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', assignment.role)
      description: assignment.reason
    }
  }
]

resource functionOnCommunication 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(communication.id, functionPrincipalId, roles.communicationServiceOwner)
  scope: communication
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.communicationServiceOwner)
    description: 'Places and answers calls and controls their streaming. ACS has no narrower data plane role.'
  }
}

resource functionOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, functionPrincipalId, roles.monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.monitoringMetricsPublisher
    )
    description: 'Sends telemetry. Application Insights does not accept keys.'
  }
}

// No built-in role allows adding blobs without changing and deleting them.
resource adder 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'streamer-adds-blobs')
  properties: {
    roleName: 'Call Audio: add blobs (${resourceGroup().name}, ${streamerIdentityName})'
    description: 'Add blobs and read them; neither change nor delete them.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: []
        dataActions: ['${blobActions}/add/action', '${blobActions}/read']
      }
    ]
  }
}

resource grantBinder 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(resourceGroup().id, 'streamer-binds-grants')
  properties: {
    roleName: 'Call Audio: bind grants (${resourceGroup().name}, ${streamerIdentityName})'
    description: 'Read, add and change blobs; do not delete them.'
    type: 'CustomRole'
    assignableScopes: [resourceGroup().id]
    permissions: [
      {
        actions: []
        dataActions: ['${blobActions}/add/action', '${blobActions}/read', '${blobActions}/write']
      }
    ]
  }
}

resource streamerOnContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (container, index) in streamerContainers: {
    name: guid(
      account::blobs::streamerContainer[index].id,
      streamerPrincipalId,
      container.mayChange ? grantBinder.name : adder.name
    )
    scope: account::blobs::streamerContainer[index]
    properties: {
      principalId: streamerPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: container.mayChange ? grantBinder.id : adder.id
      description: container.mayChange
        ? 'Reads grants and binds each to its call.'
        : 'Adds segments and manifests, their drafts and what it rejects, and compares what is there already.'
      condition: withoutListing
      conditionVersion: '2.0'
    }
  }
]

resource streamerOnRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, streamerPrincipalId, roles.acrPull)
  scope: registry
  properties: {
    principalId: streamerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    description: 'Container Apps pulls the image with the streamer\'s identity. The registry has no admin user.'
  }
}

@description('The identities of the system topics. Each writes its own dead letters.')
var topicPrincipalIds = answersCalls ? [topicPrincipalId, callTopicPrincipalId] : [topicPrincipalId]

resource topicOnDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for id in topicPrincipalIds: {
    name: guid(account::blobs::deadLetters.id, id, roles.storageBlobDataContributor)
    scope: account::blobs::deadLetters
    properties: {
      principalId: id
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
      description: 'Event Grid writes the events that it could not deliver.'
    }
  }
]

resource speech 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = if (!empty(speechName)) {
  name: speechName
}

resource functionOnSpeech 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(speechName)) {
  name: guid(speech.id, functionPrincipalId, roles.cognitiveServicesSpeechUser)
  scope: speech
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.cognitiveServicesSpeechUser
    )
    description: 'Transcribes segments. Cannot change the resource.'
  }
}

resource eventTopic 'Microsoft.EventGrid/topics@2025-02-15' existing = if (!empty(eventTopicName)) {
  name: eventTopicName
}

resource functionOnTopic 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(eventTopicName)) {
  name: guid(eventTopic.id, functionPrincipalId, roles.eventGridDataSender)
  scope: eventTopic
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventGridDataSender)
    description: 'Publishes the events of calls. Cannot change the topic or subscribe to it.'
  }
}

@description('The function app\'s roles on the search service, with reasons.')
var functionSearchRoles = [
  {
    role: roles.searchIndexDataContributor
    reason: 'The app writes, searches and deletes the words of transcripts.'
  }
  {
    role: roles.searchServiceContributor
    reason: 'The app creates the index of transcripts when it is first needed.'
  }
]

resource search 'Microsoft.Search/searchServices@2025-05-01' existing = if (!empty(searchName)) {
  name: searchName
}

resource functionOnSearch 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for assignment in functionSearchRoles: if (!empty(searchName)) {
    name: guid(search.id, functionPrincipalId, assignment.role)
    scope: search
    properties: {
      principalId: functionPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', assignment.role)
      description: assignment.reason
    }
  }
]
