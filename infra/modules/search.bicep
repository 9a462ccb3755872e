// Azure AI Search, if full-text search is on. The app creates its index when the first transcript is complete.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the service, and of its subdomain.')
param name string

resource search 'Microsoft.Search/searchServices@2025-05-01' = {
  name: name
  location: location
  tags: tags
  sku: { name: 'basic' }
  properties: {
    // Only identities: there are no keys.
    disableLocalAuth: true
    hostingMode: 'Default'
    partitionCount: 1
    replicaCount: 1
    publicNetworkAccess: 'Enabled'
    semanticSearch: 'disabled'
  }
}

@description('The service\'s endpoint.')
output endpoint string = 'https://${search.name}.search.windows.net'
