// Azure AI Speech, if transcription is on. It needs its own subdomain: the regional endpoint does not accept an
// identity in place of a key.

import { Tags } from '../types.bicep'
import { roles } from '../roles.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the resource and of its subdomain.')
param name string

@description('Name of the function app\'s identity.')
param functionIdentityName string

@description('Object id of the function app\'s identity.')
param functionPrincipalId string

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

resource functionOnSpeech 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(speech.id, functionIdentityName, roles.cognitiveServicesSpeechUser)
  scope: speech
  properties: {
    principalId: functionPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.cognitiveServicesSpeechUser
    )
    description: 'Transcribes segments. Cannot change the resource.'
  }
}

@description('The resource\'s endpoint.')
output endpoint string = speech.properties.endpoint
