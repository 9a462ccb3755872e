// The function app, on Flex Consumption; everything it reaches, it reaches by its identity.

import { Settings, Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the function app.')
param name string

@description('Name of its plan.')
param planName string

@description('Name of its identity.')
param identityName string

@description('Client id of its identity.')
param identityClientId string

@description('Address of the storage account\'s blobs.')
param blobEndpoint string

@description('Address of the storage account\'s queues.')
param queueEndpoint string

@description('Address of the storage account\'s tables.')
param tableEndpoint string

@description('Container of the deployment package.')
param packageContainer string

@description('Where telemetry is sent to.')
param insightsConnectionString string

@description('Endpoint of the ACS resource.')
param acsEndpoint string

@description('Immutable id of the ACS resource, the audience of its tokens.')
param acsTokenAudience string

@description('The streamer\'s public address, wss://...')
param streamerUrl string

@description('Incoming calls to answer: off, all, or those to these numbers and raw ids, with commas between.')
param answerCalls string

@description('Settings of calls/settings.py beyond these, or in their place.')
param settings Settings

@description('Instances that are always warm for the blob triggers.')
param alwaysReadyBlobInstances int

@description('Most instances.')
param maximumInstanceCount int

@description('Memory of an instance, in MB.')
param instanceMemoryMB int

@description('Client id of the Entra ID application that people sign in to; empty: function keys only.')
param signInClientId string

// What ACS, Event Grid and probes call is verified in its own way; the page's shell holds no data. Core Tools
// look at the host's status after publishing, with the master key alone, and fail where that is refused.
@description('Reached without signing in.')
var anonymousPaths = [
  '/api/callbacks'
  '/api/health'
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
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        // Without a warm instance the blob triggers may never start, and the webhook's key loads late.
        alwaysReady: alwaysReadyBlobInstances == 0
          ? []
          : [
              {
                name: 'blob'
                instanceCount: alwaysReadyBlobInstances
              }
            ]
        // The handlers wait for ACS and Blob Storage, not for a CPU; the platform's default is far lower.
        triggers: { http: { perInstanceConcurrency: 16 } }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
    }
  }

  // The whole collection is written: a setting that is not here is deleted by the next deployment.
  resource appSettings 'config' = {
    name: 'appsettings'
    properties: union(
      {
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
        ACS_ENDPOINT: acsEndpoint
        ACS_TOKEN_AUDIENCE: acsTokenAudience
        CALLBACK_URL: 'https://${app.properties.defaultHostName}'
        STREAMER_URL: streamerUrl
        ANSWER_CALLS: answerCalls
      },
      settings
    )
  }

  // Publishing is by Entra ID; the old user names and passwords are off.
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

@description('The app\'s public address.')
output url string = 'https://${app.properties.defaultHostName}'
