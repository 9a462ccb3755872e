// System topics for the events of the storage account and, if calls are answered, the ACS resource.
// ../subscriptions.bicep, which needs the published app, subscribes to them. A source has one topic at most: one that
// exists already (Defender for Storage makes one) is adopted under its name, and gets an identity.

import { Tags } from '../types.bicep'

@description('Azure region of the storage account.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the storage account\'s system topic.')
param name string

@description('Name of the storage account.')
param storageName string

@description('Whether calls are answered. If not, the ACS resource needs no topic.')
param answersCalls bool

@description('Name of the ACS resource\'s system topic.')
param callTopicName string

@description('Name of the ACS resource.')
param communicationName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: account.id
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: communicationName
}

resource callTopic 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (answersCalls) {
  name: callTopicName
  // Same as its source: ACS is not regional.
  location: 'global'
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: communication.id
    topicType: 'Microsoft.Communication.CommunicationServices'
  }
}

@description('Object id of the identity of the storage account\'s topic, which writes dead letters.')
output principalId string = topic.identity.principalId

@description('Object id of the identity of the ACS resource\'s topic, which writes dead letters. Empty: it has none.')
output callTopicPrincipalId string = answersCalls ? callTopic!.identity.principalId : ''
