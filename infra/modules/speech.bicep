// Azure AI Speech, if transcription is on. It needs its own subdomain: the regional endpoint does not accept an
// identity in place of a key.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the resource and of its subdomain.')
param name string

resource speech 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'SpeechServices'
  sku: { name: 'S0' }
  properties: {
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: 'Enabled'
  }
}

@description('The resource\'s endpoint.')
output endpoint string = speech.properties.endpoint
