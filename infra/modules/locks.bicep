// Locks on what cannot be made again: the recordings, and the ACS resource with its phone numbers. A lock forbids
// deleting the resource, not its blobs: retention and erasure go on.

@description('Name of the storage account.')
param storageName string

@description('Name of the ACS resource.')
param communicationName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' existing = {
  name: communicationName
}

resource accountLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'It holds the recordings.'
  }
}

resource communicationLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: 'keep'
  scope: communication
  properties: {
    level: 'CanNotDelete'
    notes: 'It holds the phone numbers.'
  }
}
