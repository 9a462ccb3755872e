// The virtual network of a private deployment: a subnet for each program and one for private endpoints, and a NAT
// gateway, through which the programs reach ACS and Azure Monitor from one address.

import { Tags } from '../types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags Tags

@description('Name of the virtual network.')
param name string

@description('Address space of the virtual network: at least a /22.')
param addressPrefix string

@description('Both programs\' subnets are delegated as Flex Consumption and Container Apps require.')
var delegations = [
  {
    name: 'programs'
    properties: { serviceName: 'Microsoft.App/environments' }
  }
]

resource outboundAddress 'Microsoft.Network/publicIPAddresses@2025-05-01' = {
  name: 'pip-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/natGateways@2025-05-01' = {
  name: 'ng-${name}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: {
    publicIpAddresses: [{ id: outboundAddress.id }]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    // In one place: subnets that are resources of their own would be deployed one after another.
    subnets: [
      {
        name: 'functions'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          natGateway: { id: gateway.id }
          delegations: delegations
        }
      }
      {
        name: 'streamer'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 1)
          natGateway: { id: gateway.id }
          delegations: delegations
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: cidrSubnet(addressPrefix, 24, 2) }
      }
    ]
  }
}
