// Azure Communication Services: places the calls and streams their audio.

import { Tags } from '../types.bicep'

@description('Tags of every resource.')
param tags Tags

@description('Name of the resource, unique in all of Azure.')
param name string

@description('Where ACS keeps its data at rest; can never be changed.')
param dataLocation string

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' = {
  name: name
  // ACS is no region's: its data's place is dataLocation.
  location: 'global'
  tags: tags
  properties: {
    dataLocation: dataLocation
    disableLocalAuth: true
  }
}

@description('The resource\'s endpoint.')
output endpoint string = 'https://${communication.properties.hostName}'

@description('The resource\'s immutable id, the audience of the tokens that ACS signs.')
output immutableResourceId string = communication.properties.immutableResourceId
