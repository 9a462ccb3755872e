// Who may do what: every role assignment of the system, each with its reason, none wider than it needs.

import { roles } from '../roles.bicep'

@description('Name of the storage account.')
param storageName string

@description('Name of the ACS resource.')
param communicationName string

@description('Name of the container registry.')
param registryName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the function app\'s identity. Assignments are named by names, which what-if knows; ids come later.')
param functionIdentityName string

@description('Object id of the function app\'s identity.')
param functionPrincipalId string

@description('Name of the streamer\'s identity.')
param streamerIdentityName string

@description('Object id of the streamer\'s identity.')
param streamerPrincipalId string

@description('Name of the system topic.')
param topicName string

@description('Object id of the system topic\'s identity.')
param topicPrincipalId string

@description('Name of the ACS resource\'s system topic.')
param callTopicName string

@description('Object id of that topic\'s identity.')
param callTopicPrincipalId string

@description('Container of the events that Event Grid could not deliver.')
param deadLetterContainer string

@description('What the function app may do with the storage account, and why.')
var functionStorageRoles = [
  {
    role: roles.storageBlobDataOwner
    reason: 'The Functions host keeps its locks, keys and package here; the app its records, results and recordings.'
  }
  {
    role: roles.storageQueueDataContributor
    reason: 'The blob triggers\' messages run through the host\'s queues, and poison ones into another.'
  }
  {
    role: roles.storageTableDataContributor
    reason: 'The Functions host writes its diagnostic events into a table.'
  }
  {
    role: roles.storageBlobDelegator
    reason: 'Links to audio are signed with a user delegation key, minutes long, since no account key works.'
  }
]

@description('Grants are read and bound; segments and manifests are written. The streamer sees nothing else.')
var streamerContainers = ['segments', 'manifests', 'grants']

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
    description: 'Places and answers calls and controls their streaming; ACS has no narrower role for its data plane.'
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
    description: 'Sends its telemetry; Application Insights takes none by key.'
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
      description: 'Writes segments and manifests, reads and binds grants, in these containers alone.'
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
    description: 'Container Apps pulls the streamer\'s image as the streamer; the registry has no admin user.'
  }
}

@description('The system topics, each of which writes its own dead letters.')
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
      description: 'Event Grid writes the events there that it could not deliver.'
    }
  }
]
