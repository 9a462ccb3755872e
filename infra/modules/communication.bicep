// Azure Communication Services, which places calls and streams their audio.

import { Tags } from '../types.bicep'

@description('Tags of every resource.')
param tags Tags

@description('Name of the resource, unique across Azure.')
param name string

@description('Geography where ACS stores data at rest. It cannot be changed later.')
param dataLocation string

resource communication 'Microsoft.Communication/communicationServices@2025-09-01' = {
  name: name
  // ACS is not regional; dataLocation decides where its data is stored.
  location: 'global'
  tags: tags
  properties: {
    dataLocation: dataLocation
    disableLocalAuth: true
  }
}

@description('The resource\'s endpoint.')
output endpoint string = 'https://${communication.properties.hostName}'

@description('The resource\'s immutable id, which is the audience of the tokens that ACS signs.')
output immutableResourceId string = communication.properties.immutableResourceId
