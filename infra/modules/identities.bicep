// One managed identity for each program, so that their permissions stay separate.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the function app\'s identity.')
param functionIdentityName string

@description('Name of the streamer\'s identity.')
param streamerIdentityName string

resource functionIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: functionIdentityName
  location: location
  tags: tags
}

resource streamerIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: streamerIdentityName
  location: location
  tags: tags
}

@description('Object id of the function app\'s identity, for role assignments.')
output functionPrincipalId string = functionIdentity.properties.principalId

@description('Client id of the function app\'s identity, for its settings.')
output functionClientId string = functionIdentity.properties.clientId

@description('Object id of the streamer\'s identity, for role assignments.')
output streamerPrincipalId string = streamerIdentity.properties.principalId
