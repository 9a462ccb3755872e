// Everything but what needs an image or published code: those two have their own templates, streamer.bicep
// and subscriptions.bicep, which infra/deploy applies when their time has come.

import { namesOf } from 'names.bicep'
import { Settings, Tags } from 'types.bicep'

targetScope = 'resourceGroup'

@description('Azure region; one with Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('Name of the azd environment, if azd deploys.')
param environmentName string

@description('Where ACS keeps its data at rest; can never be changed.')
param dataLocation string

@description('Redundancy of the storage account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string

@description('Days that segments and manifests are kept; 0: for ever.')
@minValue(0)
param segmentDays int

@description('Days that call records, results and recordings are kept; 0: for ever.')
@minValue(0)
param resultDays int

@description('Days that leftovers are kept: grants, idempotency keys, events that were not delivered; 0: for ever.')
@minValue(0)
param leftoverDays int

@description('Days within which a deletion can be undone.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logDays int

@description('Most that logs may take in a day, in GB; -1: no limit. Beyond it, alerts are blind until the next day.')
param logDailyGigabytes int

@description('Instances of the function app that are always warm for the blob triggers.')
@minValue(0)
param alwaysReadyBlobInstances int

@description('Most instances of the function app.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@description('Memory of an instance, in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Settings of calls/settings.py beyond those that are set here, or in their place.')
param functionSettings Settings

@description('Client id of the Entra ID application that people sign in to; empty: function keys only.')
param signInClientId string

@description('Incoming calls to answer: off, all, or those to these numbers and raw ids, with commas between.')
param answerCalls string

@description('Speech to text: off, or by an Azure AI Speech resource that is made for it.')
@allowed(['off', 'azure'])
param transcription string

@description('Who is told of alerts; empty: they are only shown in the portal.')
param alertEmail string

@description('Seconds that a finished segment may wait in the spool before it is told.')
param backlogSeconds int

@description('The names of all resources.')
var names = namesOf(uniqueString(resourceGroup().id))

@description('The tags of all resources.')
var tags Tags = { 'azd-env-name': environmentName }

@description('Container of the function app\'s package, which is nobody else\'s.')
var packageContainer = 'app-package'

@description('Container of the events that Event Grid could not deliver.')
var deadLetterContainer = 'dead-letters'

module identities 'modules/identities.bicep' = {
  params: {
    location: location
    tags: tags
    functionIdentityName: names.functionIdentity
    streamerIdentityName: names.streamerIdentity
  }
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    insightsName: names.insights
    logDays: logDays
    logDailyGigabytes: logDailyGigabytes
  }
}

module storage 'modules/storage.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.storage
    sku: storageSku
    segmentDays: segmentDays
    resultDays: resultDays
    leftoverDays: leftoverDays
    softDeleteDays: softDeleteDays
    packageContainer: packageContainer
    deadLetterContainer: deadLetterContainer
  }
}

module communication 'modules/communication.bicep' = {
  params: {
    tags: tags
    name: names.communication
    dataLocation: dataLocation
  }
}

module registry 'modules/registry.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.registry
  }
}

module environment 'modules/environment.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.environment
    workspaceName: names.workspace
  }
  dependsOn: [monitoring]
}

module events 'modules/events.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.systemTopic
    storageName: names.storage
    callTopicName: names.callTopic
    communicationName: names.communication
  }
  dependsOn: [storage, communication]
}

module access 'modules/access.bicep' = {
  params: {
    storageName: names.storage
    communicationName: names.communication
    registryName: names.registry
    insightsName: names.insights
    functionIdentityName: names.functionIdentity
    functionPrincipalId: identities.outputs.functionPrincipalId
    streamerIdentityName: names.streamerIdentity
    streamerPrincipalId: identities.outputs.streamerPrincipalId
    topicName: names.systemTopic
    topicPrincipalId: events.outputs.principalId
    callTopicName: names.callTopic
    callTopicPrincipalId: events.outputs.callTopicPrincipalId
    deadLetterContainer: deadLetterContainer
  }
  dependsOn: [storage, communication, registry, monitoring]
}

module speech 'modules/speech.bicep' = if (transcription == 'azure') {
  params: {
    location: location
    tags: tags
    name: names.speech
    functionIdentityName: names.functionIdentity
    functionPrincipalId: identities.outputs.functionPrincipalId
  }
}

@description('The function app\'s settings for transcripts.')
var speechSettings = transcription == 'azure'
  ? {
      TRANSCRIPTION: 'azure'
      SPEECH_ENDPOINT: speech!.outputs.endpoint
    }
  : {}

@description('The streamer\'s address, known before the streamer is there.')
var streamerHost = '${names.streamer}.${environment.outputs.defaultDomain}'

module functionApp 'modules/function_app.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.functionApp
    planName: names.plan
    identityName: names.functionIdentity
    identityClientId: identities.outputs.functionClientId
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainer: packageContainer
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    acsEndpoint: communication.outputs.endpoint
    acsTokenAudience: communication.outputs.immutableResourceId
    streamerUrl: 'wss://${streamerHost}'
    answerCalls: answerCalls
    settings: union(speechSettings, functionSettings)
    alwaysReadyBlobInstances: alwaysReadyBlobInstances
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
    signInClientId: signInClientId
  }
  // The host needs its rights at its first start.
  dependsOn: [access]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    actionGroupName: names.actionGroup
    email: alertEmail
    streamerName: names.streamer
    topicName: names.systemTopic
    backlogSeconds: backlogSeconds
  }
  dependsOn: [monitoring, events]
}

@description('Name of the function app, for publishing.')
output FUNCTION_APP_NAME string = names.functionApp

@description('The function app\'s public address.')
output FUNCTION_APP_URL string = functionApp.outputs.url

@description('Name of the streamer\'s container app.')
output STREAMER_NAME string = names.streamer

@description('The streamer\'s public address.')
output STREAMER_URL string = 'wss://${streamerHost}'

@description('Name of the container registry, for builds.')
output REGISTRY_NAME string = names.registry

@description('Where images are pulled from.')
output REGISTRY_SERVER string = registry.outputs.loginServer

@description('Name of the ACS resource, for buying a phone number.')
output COMMUNICATION_NAME string = names.communication
