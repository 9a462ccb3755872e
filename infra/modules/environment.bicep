// The Container Apps environment of the streamer. It sends logs to the workspace without a key.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the environment.')
param name string

@description('Name of the Log Analytics workspace.')
param workspaceName string

@description('Name of the virtual network of a private deployment.')
param networkName string

@description('Whether the environment is in the virtual network.')
param isPrivate bool

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = if (isPrivate) {
  name: networkName

  resource subnet 'subnets' existing = { name: 'streamer' }
}

resource environment 'Microsoft.App/managedEnvironments@2026-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // In a network or not, the streamer's ingress is public: ACS connects to it from the internet.
    vnetConfiguration: isPrivate
      ? {
          infrastructureSubnetId: network::subnet.id
          internal: false
        }
      : null
    appLogsConfiguration: { destination: 'azure-monitor' }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }
}

// Every version after 2016 is a preview; this one is in common use.
#disable-next-line use-recent-api-versions
resource logs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: environment
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        category: 'ContainerAppConsoleLogs'
        enabled: true
      }
      {
        category: 'ContainerAppSystemLogs'
        enabled: true
      }
    ]
  }
}

@description('Domain of the apps in this environment.')
output defaultDomain string = environment.properties.defaultDomain
