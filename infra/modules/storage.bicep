// The storage account. Access keys and public access are off. The app deletes calls, also those that have
// expired (calls/pipeline/expiry.py). A lifecycle rule knows nothing of a legal hold, so no rule touches a container
// that has a call in it.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the storage account.')
param name string

@description('Redundancy of the storage account.')
param sku string

@description('Whether it is reached through its private endpoints only.')
param isPrivate bool

@description('URI of the Key Vault key that encrypts the account, with or without a version. Empty: Microsoft manages the key.')
param encryptionKeyUri string

@description('Resource id of the identity with which the account uses the key. Empty: Microsoft manages the key.')
param encryptionIdentityId string

@description('Origin of the console, which plays recordings from this account.')
param consoleOrigin string

@description('Days to keep temporary blobs: grants, idempotency keys and dead-lettered events. 0: keep them indefinitely.')
param temporaryDays int

@description('Days to keep the audit trail. 0: keep it indefinitely.')
param auditDays int

@description('Days during which deleted blobs and containers can be restored.')
param softDeleteDays int

@description('Days during which recordings and manifests cannot be deleted or changed by anyone (WORM). 0: off.')
param immutableDays int

@description('Container for the deployment package, used for nothing else.')
param packageContainer string

@description('Container for events that Event Grid could not deliver.')
param deadLetterContainer string

@description('The queues of functions/__init__.py, and the poison queues that the host gives them.')
var queues = [
  'transcriptions'
  'transcriptions-poison'
  'deletions'
  'deletions-poison'
  'exports'
  'exports-poison'
  'ended-calls'
  'ended-calls-poison'
  'deadlines'
  'deadlines-poison'
  'events'
  'events-poison'
  'deliveries'
  'deliveries-poison'
]

@description('The containers that have calls in them, and what is to be kept of calls. Only the app deletes there.')
var callContainers = [
  'segments'
  'manifests'
  'drafts'
  'rejected'
  'calls'
  'index'
  'unsettled'
  'results'
  'recordings'
  'failures'
  'retention'
  'events'
  'deliveries'
]

@description('The containers whose versions cannot be deleted or changed, if immutableDays is set.')
var immutableContainers = immutableDays > 0 ? ['recordings', 'manifests'] : []

@description('The other containers of contract/names.py and calls/blobs.py, grouped by how long their blobs are kept.')
var retention = [
  {
    name: 'temporary'
    days: temporaryDays
    containers: ['grants', 'idempotency', deadLetterContainer]
  }
  {
    name: 'audit'
    days: auditDays
    containers: ['audit']
  }
]

@description('The names of all containers.')
var containerNames = concat(callContainers, flatten(map(retention, rule => rule.containers)), [packageContainer])

@description('The lifecycle rules of those containers.')
var retentionRules = map(retention, rule => {
  name: rule.name
  enabled: rule.days > 0
  type: 'Lifecycle'
  definition: {
    filters: {
      // The audit trail is in append blobs.
      blobTypes: ['blockBlob', 'appendBlob']
      prefixMatch: map(rule.containers, container => '${container}/')
    }
    actions: {
      baseBlob: {
        delete: { daysAfterModificationGreaterThan: max(rule.days, 1) }
      }
    }
  }
})

@description('Immutability needs versions. Older versions of all other blobs are deleted as deleted blobs are.')
var versionRules = immutableDays > 0
  ? [
      {
        name: 'versions'
        enabled: true
        type: 'Lifecycle'
        definition: {
          filters: {
            blobTypes: ['blockBlob']
            prefixMatch: map(
              filter(containerNames, container => !contains(immutableContainers, container)),
              container => '${container}/'
            )
          }
          actions: {
            version: {
              delete: { daysAfterCreationGreaterThan: softDeleteDays }
            }
          }
        }
      }
    ]
  : []

@description('The parts of the key\'s URI: https:, an empty one, the vault, keys, the key\'s name, and perhaps its version.')
var keyParts = split(encryptionKeyUri, '/')

@description('How the account is encrypted with the key. Without a version in its URI, the newest one is used, within a day.')
var encryption = empty(encryptionKeyUri)
  ? { keySource: 'Microsoft.Storage' }
  : {
      keySource: 'Microsoft.Keyvault'
      identity: { userAssignedIdentity: encryptionIdentityId }
      keyvaultproperties: {
        keyvaulturi: 'https://${keyParts[2]}'
        keyname: keyParts[4]
        keyversion: length(keyParts) > 5 ? keyParts[5] : null
      }
    }

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  identity: empty(encryptionKeyUri)
    ? { type: 'None' }
    : {
        type: 'UserAssigned'
        userAssignedIdentities: { '${encryptionIdentityId}': {} }
      }
  properties: {
    encryption: encryption
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    accessTier: 'Hot'
    // With a public endpoint, access is by identity only, too. Event Grid is a trusted service in either case.
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      cors: {
        corsRules: [
          {
            // A browser plays audio of another origin through the console's mixer only if it may read it.
            allowedOrigins: [consoleOrigin]
            allowedMethods: ['GET', 'HEAD']
            allowedHeaders: ['range']
            exposedHeaders: ['content-range']
            maxAgeInSeconds: 3600
          }
        ]
      }
      isVersioningEnabled: immutableDays > 0
      deleteRetentionPolicy: {
        enabled: true
        days: softDeleteDays
      }
      containerDeleteRetentionPolicy: {
        enabled: true
        days: softDeleteDays
      }
    }

    resource containers 'containers' = [
      for container in containerNames: {
        name: container
        properties: union(
          { publicAccess: 'None' },
          contains(immutableContainers, container) ? { immutableStorageWithVersioning: { enabled: true } } : {}
        )
      }
    ]
  }

  resource queueService 'queueServices' = {
    name: 'default'

    resource queue 'queues' = [for name in queues: { name: name }]
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    // The rules name containers, and Azure rejects them until the blob service exists.
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: concat(retentionRules, versionRules)
      }
    }
  }
}

// Unlocked: an administrator can still shorten or remove it. docs/retention.md says how to lock it.
resource immutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = [
  for container in immutableContainers: {
    name: '${name}/default/${container}/default'
    properties: {
      immutabilityPeriodSinceCreationInDays: max(immutableDays, 1)
      allowProtectedAppendWrites: false
    }
    dependsOn: [account::blobs::containers]
  }
]

// The audit trail can then only be added to: blocks may be appended, and nothing else written or deleted.
resource auditImmutability 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (immutableDays > 0) {
  name: '${name}/default/audit/default'
  properties: {
    immutabilityPeriodSinceCreationInDays: max(immutableDays, 1)
    allowProtectedAppendWrites: true
  }
  dependsOn: [account::blobs::containers]
}

@description('Blob endpoint of the account.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Queue endpoint of the account.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Table endpoint of the account.')
output tableEndpoint string = account.properties.primaryEndpoints.table
