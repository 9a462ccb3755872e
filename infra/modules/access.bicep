// Every role assignment of the system, each with its reason and no broader than necessary.

import { roles } from '../roles.bicep'

@description('Name of the storage account.')
param storageName string

@description('Name of the ACS resource.')
param communicationName string

@description('Name of the container registry.')
param registryName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the function app\'s identity. Assignment names are derived from names, which what-if knows, unlike ids.')
param functionIdentityName string

@description('Object id of the function app\'s identity.')
param functionPrincipalId string

@description('Name of the streamer\'s identity.')
param streamerIdentityName string

@description('Object id of the streamer\'s identity.')
param streamerPrincipalId string

@description('Name of the storage account\'s system topic.')
param topicName string

@description('Object id of the identity of the storage account\'s system topic.')
param topicPrincipalId string

@description('Name of the ACS resource\'s system topic.')
param callTopicName string

@description('Object id of the identity of the ACS resource\'s system topic.')
param callTopicPrincipalId string

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
    reason: 'The host sends and receives the messages of blob triggers and transcriptions, and moves those that always fail to poison queues, which it creates.'
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

@description('The only containers that the streamer can access. It reads and binds grants, and writes segments, manifests, drafts of manifests and what it rejects.')
var streamerContainers = ['segments', 'manifests', 'grants', 'drafts', 'rejected']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource streamerContainer 'containers' existing = [for name in streamerContainers: { name: name }]

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
    name: guid(account.id, functionIdentityName, assignment.role)
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
  name: guid(communication.id, functionIdentityName, roles.communicationServiceOwner)
  scope: communication
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.communicationServiceOwner)
    description: 'Places and answers calls and controls their streaming. ACS has no narrower data plane role.'
  }
}

resource functionOnInsights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, functionIdentityName, roles.monitoringMetricsPublisher)
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

resource streamerOnContainers 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in streamerContainers: {
    name: guid(account::blobs::streamerContainer[index].id, streamerIdentityName, roles.storageBlobDataContributor)
    scope: account::blobs::streamerContainer[index]
    properties: {
      principalId: streamerPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
      description: 'Writes segments and manifests, their drafts and what it rejects, and reads and binds grants, in these containers only.'
    }
  }
]

resource streamerOnRegistry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, streamerIdentityName, roles.acrPull)
  scope: registry
  properties: {
    principalId: streamerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
    description: 'Container Apps pulls the image with the streamer\'s identity. The registry has no admin user.'
  }
}

@description('The system topics. Each writes its own dead letters.')
var topics = [
  {
    name: topicName
    principalId: topicPrincipalId
  }
  {
    name: callTopicName
    principalId: callTopicPrincipalId
  }
]

resource topicOnDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for topic in topics: {
    name: guid(account::blobs::deadLetters.id, topic.name, roles.storageBlobDataContributor)
    scope: account::blobs::deadLetters
    properties: {
      principalId: topic.principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
      description: 'Event Grid writes the events that it could not deliver.'
    }
  }
]
