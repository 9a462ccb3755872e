// Every resource except the streamer, which needs an image, and the event subscriptions, which need
// published code. infra/deploy applies streamer.bicep and subscriptions.bicep later.

import { namesOf } from 'names.bicep'
import { FunctionScale, Settings, Tags } from 'types.bicep'

targetScope = 'resourceGroup'

@description('Azure region. It must offer Flex Consumption: az functionapp list-flexconsumption-locations.')
param location string = resourceGroup().location

@description('Name of the azd environment, if azd is used.')
param environmentName string

@description('Geography where ACS stores data at rest. It cannot be changed later.')
param dataLocation string

@description('public: the storage account and the registry have public endpoints, and accept only identities. private: they have private endpoints only. It cannot be changed later.')
@allowed(['public', 'private'])
param networking string

@description('Address space of the virtual network of a private deployment: at least a /22.')
param addressPrefix string

@description('URI of the Key Vault key that encrypts the storage account. Empty: Microsoft manages the key.')
param encryptionKeyUri string

@description('Resource id of the identity with which the storage account uses the key. Empty: Microsoft manages the key.')
param encryptionIdentityId string

@description('on: forbids deleting the storage account and the ACS resource.')
@allowed(['off', 'on'])
param locks string

@description('Redundancy of the storage account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string

@description('Days to keep a call\'s segments and manifests (SEGMENT_DAYS). 0: as long as the call.')
@minValue(0)
param segmentDays int

@description('Days to keep a call after its end (RETENTION_DAYS). 0: until it is deleted.')
@minValue(0)
param retentionDays int

@description('The same for incoming calls (RETENTION_DAYS_INCOMING). -1: as retentionDays.')
@minValue(-1)
param incomingRetentionDays int

@description('Days during which recordings and manifests cannot be deleted or changed by anyone (WORM). 0: off. A storage account that has containers already cannot begin with it.')
@minValue(0)
@maxValue(146000)
param immutableDays int

@description('Days to keep temporary blobs: grants, idempotency keys and dead-lettered events. 0: keep them indefinitely.')
@minValue(0)
param temporaryDays int

@description('Days to keep the audit trail. 0: keep it indefinitely.')
@minValue(0)
param auditDays int

@description('Days during which deleted blobs and containers can be restored.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Days to keep logs.')
@minValue(30)
@maxValue(730)
param logDays int

@description('Daily limit on log ingestion, in GB. -1: no limit. Once it is reached, alerts see nothing until the next day.')
param logDailyGigabytes int

@description('How many instances the function app has, and how they are replaced.')
param functionScale FunctionScale

@description('Additional settings of calls/settings.py. They override those set by this template.')
param functionSettings Settings

@description('Names of function keys with their SHA-256, NAME=SHA256,... Empty: every key may do everything.')
param functionKeys string

@description('Client id of the Entra ID application that users and apps sign in to. Empty: function keys.')
param signInClientId string

@description('Who may be called (ALLOWED_DESTINATIONS): off, or a list of prefixes of numbers and raw ids, such as +49,8:acs:.')
param allowedDestinations string

@description('Incoming calls to answer: off, all, or a comma-separated list of phone numbers and raw ids.')
param answerCalls string

@description('Name of the Event Grid system topic of the storage account if it exists already. Empty: one is created.')
param storageTopic string

@description('The same for the ACS resource. It has one only if calls are answered.')
param callTopic string

@description('How ACS\'s bearer tokens are checked. learn: if they are not as Microsoft documents them, calls go on.')
@allowed(['learn', 'require'])
param acsTokenCheck string

@description('on: an Event Grid topic that gets the events of all calls, for others to subscribe to.')
@allowed(['off', 'on'])
param eventTopic string

@description('Speech to text: off, or azure to deploy and use an Azure AI Speech resource.')
@allowed(['off', 'azure'])
param transcription string

@description('Full-text search in transcripts: off, local (SQLite in each instance of the app) or azure to deploy and use an Azure AI Search service.')
@allowed(['off', 'local', 'azure'])
param search string

@description('Email address that alerts are sent to. Empty: alerts appear only in the portal.')
param alertEmail string

@description('Budget per month for the resource group, in the billing currency. 0: none.')
@minValue(0)
param monthlyBudget int

@description('First day of the month in which the budget is first deployed, such as 2026-12-01. It cannot be changed later.')
param budgetStart string

@description('Calls placed within 15 minutes above which an alert is raised.')
@minValue(0)
param placedCallsThreshold int

@description('Seconds that a finished segment may wait for its upload before an alert is raised.')
param backlogSeconds int

@description('The names of all resources.')
var names = namesOf(uniqueString(resourceGroup().id))

@description('The tags of all resources.')
var tags Tags = { 'azd-env-name': environmentName }

@description('Name of the storage account\'s system topic.')
var storageTopicName = empty(storageTopic) ? names.systemTopic : storageTopic

@description('Whether storage and registry are reached through private endpoints only.')
var isPrivate = networking == 'private'

@description('Container for the function app\'s deployment package, used for nothing else.')
var packageContainer = 'app-package'

@description('Container for events that Event Grid could not deliver.')
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

module network 'modules/network.bicep' = if (isPrivate) {
  params: {
    location: location
    tags: tags
    name: names.network
    addressPrefix: addressPrefix
  }
}

module storage 'modules/storage.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.storage
    sku: storageSku
    isPrivate: isPrivate
    encryptionKeyUri: encryptionKeyUri
    encryptionIdentityId: encryptionIdentityId
    consoleOrigin: 'https://${names.functionApp}.azurewebsites.net'
    immutableDays: immutableDays
    temporaryDays: temporaryDays
    auditDays: auditDays
    softDeleteDays: softDeleteDays
    packageContainer: packageContainer
    deadLetterContainer: deadLetterContainer
  }
}

module communication 'modules/communication.bicep' = {
  params: { tags: tags, name: names.communication, dataLocation: dataLocation }
}

module registry 'modules/registry.bicep' = {
  params: { location: location, tags: tags, name: names.registry, isPrivate: isPrivate }
}

module endpoints 'modules/endpoints.bicep' = if (isPrivate) {
  params: {
    location: location
    tags: tags
    networkName: names.network
    storageName: names.storage
    registryName: names.registry
  }
  dependsOn: [network, storage, registry]
}

module diagnostics 'modules/diagnostics.bicep' = {
  params: {
    workspaceName: names.workspace
    storageName: names.storage
    communicationName: names.communication
  }
  dependsOn: [monitoring, storage, communication]
}

module lockedResources 'modules/locks.bicep' = if (locks == 'on') {
  params: {
    storageName: names.storage
    communicationName: names.communication
  }
  dependsOn: [storage, communication]
}

module environment 'modules/environment.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.environment
    workspaceName: names.workspace
    networkName: names.network
    isPrivate: isPrivate
  }
  dependsOn: [monitoring, network]
}

module events 'modules/events.bicep' = {
  params: {
    location: location
    tags: tags
    name: storageTopicName
    storageName: names.storage
    answersCalls: answerCalls != 'off'
    callTopicName: empty(callTopic) ? names.callTopic : callTopic
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
    // Azure chooses the ids, so the preview cannot name the assignments. Without the ids in their names, an identity that
    // was deleted and created again could not get its roles.
    #disable-next-line what-if-short-circuiting
    functionPrincipalId: identities.outputs.functionPrincipalId
    streamerIdentityName: names.streamerIdentity
    // The same.
    #disable-next-line what-if-short-circuiting
    streamerPrincipalId: identities.outputs.streamerPrincipalId
    topicPrincipalId: events.outputs.principalId
    answersCalls: answerCalls != 'off'
    callTopicPrincipalId: events.outputs.callTopicPrincipalId
    speechName: transcription == 'azure' ? names.speech : ''
    searchName: search == 'azure' ? names.search : ''
    eventTopicName: eventTopic == 'on' ? names.eventTopic : ''
    deadLetterContainer: deadLetterContainer
  }
  dependsOn: [storage, communication, registry, monitoring, speech, searchService, topic]
}

module topic 'modules/topic.bicep' = if (eventTopic == 'on') {
  params: { location: location, tags: tags, name: names.eventTopic }
}

module speech 'modules/speech.bicep' = if (transcription == 'azure') {
  params: { location: location, tags: tags, name: names.speech }
}

module searchService 'modules/search.bicep' = if (search == 'azure') {
  params: { location: location, tags: tags, name: names.search }
}

@description('The function app\'s settings for transcripts.')
var speechSettings = transcription == 'azure'
  ? { TRANSCRIPTION: 'azure', SPEECH_ENDPOINT: speech!.outputs.endpoint }
  : {}

@description('The function app\'s settings for full-text search.')
var searchSettings = search == 'azure'
  ? { SEARCH: 'azure', SEARCH_ENDPOINT: searchService!.outputs.endpoint }
  : { SEARCH: search }

@description('The function app\'s settings for the events of calls.')
var topicSettings = eventTopic == 'on' ? { EVENT_GRID_TOPIC_ENDPOINT: topic!.outputs.endpoint } : {}

@description('How long the app keeps calls.')
var retentionSettings = {
  RETENTION_DAYS: string(retentionDays)
  RETENTION_DAYS_INCOMING: string(incomingRetentionDays)
  SEGMENT_DAYS: string(segmentDays)
  SOFT_DELETE_DAYS: string(softDeleteDays)
}

@description('The streamer\'s host name, which is known before the streamer is deployed.')
var streamerHost = '${names.streamer}.${environment.outputs.defaultDomain}'

module functionApp 'modules/function_app.bicep' = {
  params: {
    location: location
    tags: tags
    name: names.functionApp
    planName: names.plan
    networkName: names.network
    isPrivate: isPrivate
    identityName: names.functionIdentity
    identityClientId: identities.outputs.functionClientId
    storageName: names.storage
    blobEndpoint: storage.outputs.blobEndpoint
    queueEndpoint: storage.outputs.queueEndpoint
    tableEndpoint: storage.outputs.tableEndpoint
    packageContainer: packageContainer
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    acsEndpoint: communication.outputs.endpoint
    acsTokenCheck: acsTokenCheck
    acsTokenAudience: communication.outputs.immutableResourceId
    streamerUrl: 'wss://${streamerHost}'
    allowedDestinations: allowedDestinations
    answerCalls: answerCalls
    settings: union(speechSettings, searchSettings, topicSettings, retentionSettings, functionSettings)
    scale: functionScale
    functionKeys: functionKeys
    signInClientId: signInClientId
  }
  // The host needs its role assignments, and a way to its storage, when it first starts.
  dependsOn: [access, endpoints]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    actionGroupName: names.actionGroup
    email: alertEmail
    streamerName: names.streamer
    topicName: storageTopicName
    backlogSeconds: backlogSeconds
    placedCallsThreshold: placedCallsThreshold
  }
  dependsOn: [monitoring, events]
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  params: {
    amount: monthlyBudget
    startDate: budgetStart
    email: alertEmail
  }
}

@description('Name of the function app, used to publish to it.')
output FUNCTION_APP_NAME string = names.functionApp

@description('The function app\'s public URL.')
output FUNCTION_APP_URL string = functionApp.outputs.url

@description('Name of the streamer\'s container app.')
output STREAMER_NAME string = names.streamer

@description('The streamer\'s public URL.')
output STREAMER_URL string = 'wss://${streamerHost}'

@description('Name of the container registry, used to build images.')
output REGISTRY_NAME string = names.registry

@description('Server name of the container registry, used to pull images.')
output REGISTRY_SERVER string = registry.outputs.loginServer

@description('Name of the ACS resource, used to buy a phone number.')
output COMMUNICATION_NAME string = names.communication
