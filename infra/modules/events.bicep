// The storage account's events. Who gets them is in ../subscriptions.bicep, which needs the published app.

import { Tags } from '../types.bicep'

@description('Azure region; the account\'s own.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the system topic.')
param name string

@description('Name of the storage account.')
param storageName string

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

@description('Object id of the topic\'s own identity, which writes dead letters.')
output principalId string = topic.identity.principalId
