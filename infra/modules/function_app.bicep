// The function app, on Flex Consumption. It uses its managed identity for everything it accesses.

import { FunctionScale, Settings, Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the function app.')
param name string

@description('Name of the function app\'s plan.')
param planName string

@description('Name of the virtual network of a private deployment.')
param networkName string

@description('Whether the app reaches everything else through the virtual network.')
param isPrivate bool

@description('Name of the function app\'s identity.')
param identityName string

@description('Client id of the function app\'s identity.')
param identityClientId string

@description('Name of the storage account.')
param storageName string

@description('Blob endpoint of the storage account.')
param blobEndpoint string

@description('Queue endpoint of the storage account.')
param queueEndpoint string

@description('Table endpoint of the storage account.')
param tableEndpoint string

@description('Container for the deployment package.')
param packageContainer string

@description('Connection string of Application Insights.')
param insightsConnectionString string

@description('Endpoint of the ACS resource.')
param acsEndpoint string

@description('Immutable id of the ACS resource, which is the audience of its tokens.')
param acsTokenAudience string

@description('How the bearer tokens of callback events are checked.')
param acsTokenCheck string

@description('The streamer\'s public URL, wss://...')
param streamerUrl string

@description('Incoming calls to answer: off, all, or a comma-separated list of phone numbers and raw ids.')
param answerCalls string

@description('Who may be called: off, or a list of prefixes of numbers and raw ids.')
param allowedDestinations string

@description('Additional settings of calls/settings.py. They override those set by this module.')
param settings Settings

@description('How many instances the app has, and how they are replaced.')
param scale FunctionScale

@description('Names of function keys with their SHA-256, NAME=SHA256,... Empty: every key may do everything.')
param functionKeys string

@description('Client id of the Entra ID application that users and apps sign in to. Empty: function keys.')
param signInClientId string

// An instance that starts takes longer than a caller waits, and the key of its webhook loads late, so that events are
// refused. These are the groups in which Flex Consumption scales: each has instances of its own.
@description('The always-ready instances of each group of functions.')
var alwaysReady = filter(
  [
    {
      // Without one, the blob triggers may never start.
      name: 'blob'
      instanceCount: scale.alwaysReadyBlobInstances
    }
    {
      // The callbacks, on which answering goes on.
      name: 'http'
      instanceCount: answerCalls == 'off' ? 0 : scale.alwaysReadyAnsweringInstances
    }
    {
      name: 'function:answer_incoming_call'
      instanceCount: answerCalls == 'off' ? 0 : scale.alwaysReadyAnsweringInstances
    }
  ],
  group => group.instanceCount > 0
)

@description('The update strategy, unless it is Azure\'s own default.')
var updateOptions = scale.updateStrategy == 'Recreate' ? {} : { siteUpdateStrategy: { type: scale.updateStrategy } }

// The callbacks and Event Grid's webhooks authenticate their callers themselves; health, the description of
// the interface and the console's files hold no data. After publishing, Core Tools read the host's status with the master key alone, and fail if refused.
@description('Paths that do not require signing in.')
var anonymousPaths = [
  '/api/v1/callbacks'
  '/api/v1/health'
  '/api/v1/openapi.json'
  '/api/console'
  '/api/console/*'
  '/runtime/webhooks/blobs'
  '/runtime/webhooks/EventGrid'
  '/runtime/webhooks/eventgrid'
  '/admin/host/status'
]

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = if (isPrivate) {
  name: networkName

  resource subnet 'subnets' existing = { name: 'functions' }
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // For settings that are references to secrets in a Key Vault, such as WEBHOOK_SECRETS.
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: isPrivate ? network::subnet.id : null
    // Azure has siteUpdateStrategy since API version 2024-11-01 (flex-consumption-site-updates.md); Bicep's types lack it.
    #disable-next-line BCP037
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${blobEndpoint}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.13'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: scale.instanceMemoryMB
        maximumInstanceCount: scale.maximumInstanceCount
        alwaysReady: alwaysReady
        // The handlers wait for ACS and Blob Storage, not for the CPU. The platform's default is far lower.
        triggers: { http: { perInstanceConcurrency: 16 } }
      }
      ...updateOptions
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
  }

  // Replaces the whole collection: the next deployment deletes any setting that is not listed here.
  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(
      {
        // With the service URIs alone, the host may fail at its start (Azure/azure-functions-host#11787).
        AzureWebJobsStorage__accountName: storageName
        AzureWebJobsStorage__blobServiceUri: blobEndpoint
        AzureWebJobsStorage__queueServiceUri: queueEndpoint
        AzureWebJobsStorage__tableServiceUri: tableEndpoint
        AzureWebJobsStorage__credential: 'managedidentity'
        AzureWebJobsStorage__clientId: identityClientId
        AudioStorage__blobServiceUri: blobEndpoint
        AudioStorage__queueServiceUri: queueEndpoint
        AudioStorage__credential: 'managedidentity'
        AudioStorage__clientId: identityClientId
        AZURE_CLIENT_ID: identityClientId
        APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
        // In bytes, for the host. Event Grid's events have up to 1 MiB; the app itself accepts 256 KiB.
        FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1048576'
        ACS_ENDPOINT: acsEndpoint
        ACS_TOKEN_AUDIENCE: acsTokenAudience
        CALLBACK_TOKEN_CHECK: acsTokenCheck
        CALLBACK_URL: 'https://${app.properties.defaultHostName}'
        STREAMER_URL: streamerUrl
        ALLOWED_DESTINATIONS: allowedDestinations
        ANSWER_CALLS: answerCalls
        FUNCTION_KEYS: functionKeys
        AUTHENTICATION: empty(signInClientId) ? 'keys' : 'entra'
      },
      settings
    )
  }

  // Publishing uses Entra ID; basic authentication is off.
  resource ftpPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource scmPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource signIn 'config' = if (!empty(signInClientId)) {
    name: 'authsettingsV2'
    properties: {
      platform: { enabled: true }
      globalValidation: {
        requireAuthentication: true
        unauthenticatedClientAction: 'Return401'
        excludedPaths: anonymousPaths
      }
      identityProviders: {
        azureActiveDirectory: {
          enabled: true
          registration: {
            clientId: signInClientId
            openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          }
          validation: { allowedAudiences: [signInClientId, 'api://${signInClientId}'] }
        }
      }
      login: { tokenStore: { enabled: false } }
    }
  }
}

@description('The app\'s public URL.')
output url string = 'https://${app.properties.defaultHostName}'
