// The storage account: no key opens it, nothing in it is public, and nothing stays for ever unasked.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the storage account.')
param name string

@description('Redundancy.')
param sku string

@description('Days that segments and manifests are kept; 0: for ever.')
param segmentDays int

@description('Days that call records, results and recordings are kept; 0: for ever.')
param resultDays int

@description('Days that leftovers are kept: grants, idempotency keys, events that were not delivered; 0: for ever.')
param leftoverDays int

@description('Days within which a deletion can be undone.')
param softDeleteDays int

@description('Container of the deployment package, which is nobody else\'s.')
param packageContainer string

@description('Container of the events that Event Grid could not deliver.')
param deadLetterContainer string

@description('Every container of contract/names.py, under the time that its blobs are kept.')
var retention = [
  {
    name: 'segments'
    days: segmentDays
    containers: ['segments', 'manifests']
  }
  {
    name: 'results'
    days: resultDays
    containers: ['calls', 'index', 'results', 'recordings', 'failures']
  }
  {
    name: 'leftovers'
    days: leftoverDays
    containers: ['grants', 'idempotency', deadLetterContainer]
  }
]

@description('All containers.')
var containerNames = concat(flatten(map(retention, rule => rule.containers)), [packageContainer])

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: sku }
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    accessTier: 'Hot'
    // Reached over its public address by identity alone; Event Grid is a trusted service.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Allow'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
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
        properties: { publicAccess: 'None' }
      }
    ]
  }

  resource lifecycle 'managementPolicies' = {
    name: 'default'
    // Rules name containers, and are refused before the service below the account is there.
    dependsOn: [blobs]
    properties: {
      policy: {
        rules: [
          for rule in retention: {
            name: rule.name
            enabled: rule.days > 0
            type: 'Lifecycle'
            definition: {
              filters: {
                blobTypes: ['blockBlob']
                prefixMatch: map(rule.containers, container => '${container}/')
              }
              actions: {
                baseBlob: {
                  delete: { daysAfterModificationGreaterThan: max(rule.days, 1) }
                }
              }
            }
          }
        ]
      }
    }
  }
}

@description('Address of the account\'s blobs.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('Address of the account\'s queues.')
output queueEndpoint string = account.properties.primaryEndpoints.queue

@description('Address of the account\'s tables.')
output tableEndpoint string = account.properties.primaryEndpoints.table
